"""Ears and mouth: sound in, words out; words in, sound out. What words mean is not known here."""
