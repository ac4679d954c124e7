"""Behind the targets desk: one file a subject."""
