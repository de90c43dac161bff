"""The CLAIM checklist and a model card of a run: filled as far as is known, the rest asked for, nothing claimed."""
