"""What several rooms read and write: one frozen dataclass per kind of record, whose fields are those of its file.

`store` reads and writes them. A field that not every record has is optional: its default is None, and a record without
it is written without it, so that adding one leaves older files readable.
"""
