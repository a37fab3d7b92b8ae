# One image for the web server, the workers, beat and the migration: docker-compose.yml says which it is.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

# Faces are personal data: nobody but this user reads the folder that holds them.
RUN useradd --system --uid 10001 --create-home semblance \
    && install --directory --owner=semblance --group=semblance --mode=0700 /var/lib/semblance

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -c constraints.txt

COPY manage.py ./
COPY config ./config
COPY annotate ./annotate
COPY model ./model
COPY frontend ./frontend

ENV SEMBLANCE_STATE_DIR=/var/lib/semblance \
    STATIC_DIR=/app/static \
    MODEL_WEIGHTS_DIR=/var/lib/semblance/weights

# With a state folder that is thrown away: no secret key may stay in the image.
RUN SEMBLANCE_STATE_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 && rm -r /tmp/build

USER semblance
VOLUME /var/lib/semblance
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "config.health", "web"]
CMD ["python", "-m", "gunicorn", "config.wsgi", "--workers", "2", "--threads", "8", "--graceful-timeout", "10", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--bind", "0.0.0.0:8000"]
