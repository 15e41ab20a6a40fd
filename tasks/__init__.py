"""What the queue carries: documents, text, segments; plan, synthesize, part, bind. Knows no model of speech."""
