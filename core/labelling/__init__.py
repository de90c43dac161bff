"""Labels that people draw in the browser: what is open, every change, numbered versions, what comes next.

Beside a dataset's own files (core.data.dataset) its folder then holds

    labelling/settings.json   task, classes, key points: `core.labelling.settings`
    labelling/journal.jsonl   every change of a picture's label, one line each: `core.labelling.journal`
    waiting/                  pictures that are not to be learned from yet, and their table: `core.labelling.waiting`

A change is in the journal at once. The dataset itself, which a training reads, changes when a version is made
(`core.labelling.versions`).
"""
