"""Document, Entity, Concept, Cue, Section: read-only views over the columns of a batch."""

from rulener.core.columns import AXES, SCHEMA, Batch, Document, Entity
from rulener.core.views import Attribute, Concept, Cue, Section, Sentence

__all__ = ["AXES", "SCHEMA", "Attribute", "Batch", "Concept", "Cue", "Document", "Entity", "Section", "Sentence"]
