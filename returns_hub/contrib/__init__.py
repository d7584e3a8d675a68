"""returns-hub in web frameworks: Starlette and FastAPI, Flask, Django. Each module needs its framework, and nothing of the others."""
