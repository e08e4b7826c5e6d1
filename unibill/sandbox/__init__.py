"""Local sandboxes of billing systems: what all of them share."""
