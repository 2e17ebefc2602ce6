"""Files that carry a workflow: JSON, and metadata in pictures, videos and sounds."""

from workflows.carriers.carried import Carried, list_texts, read
from workflows.carriers.container import Container

__all__ = ["Carried", "Container", "list_texts", "read"]
