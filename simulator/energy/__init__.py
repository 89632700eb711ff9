"""What actions cost: tables of energy per action, and the sum over what a run counted."""
