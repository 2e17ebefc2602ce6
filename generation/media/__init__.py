"""Decoding, checking, converting and describing images and videos."""
