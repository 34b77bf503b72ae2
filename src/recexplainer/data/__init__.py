"""From interactions in many raw formats to a catalogue, sequences and splits."""
