"""One config repository as every front end drives it: propose, judge, commit."""
