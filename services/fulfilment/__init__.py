"""The warehouse: packs what was ordered and says so."""
