"""What the queue carries: documents, text, segments; the steps plan, synthesize, part and bind. Loads no model."""
