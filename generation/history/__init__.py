"""The recorded generations: queries, export, removal and retention."""
