"""What a label is: spelling, grapheme clusters, dictionaries, class ids."""
