"""Reading an account whole: its records first, then, purely, which credit paid which invoice."""
