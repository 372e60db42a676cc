"""Merges a rendered file with the edits that a person made to it: base, mine and new.

A leaf that only one side changed follows that side. A person's file is never written anew: only
the changed places are replaced in its text, and the result is parsed and compared.
"""
