"""Workers: Celery tasks that turn takes and uploads into the library."""
