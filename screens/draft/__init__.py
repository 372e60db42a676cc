"""The answers under edit, and the probe results about them."""
