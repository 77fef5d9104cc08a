# One image for all of it; compose.yaml and Procfile say which process a container is.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 kabambe
WORKDIR /kabambe

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY --chown=kabambe:kabambe . .
RUN mkdir -p /var/lib/kabambe && chown kabambe:kabambe /var/lib/kabambe

USER kabambe
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/kabambe KABAMBE_ENV=production KABAMBE_HOME=/var/lib/kabambe
EXPOSE 8383
CMD ["python", "-m", "ussd_app", "web"]
