"""What stands behind an operator's command: rendering, models, status, demo, doctor.

`workers/commands.py` mounts it.
"""
