# The one image of a cluster: Prefect's Docker and Kubernetes workers run flows in it, and Ray's pods the steps.
#
#     docker build --tag babelmix .
#     docker run --rm --volume "$PWD/workspace:/workspace" babelmix babelmix mix stage4 --workspace /workspace
#
# A checkout lies in /opt/babelmix, where the deployments of prefect.yaml look for it.
FROM python:3.11-slim-bookworm

# tini ends a flow run's processes when its container is stopped; KubeRay asks after a pod's health by wget.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 babelmix \
    && install --directory --owner babelmix /workspace /scratch /home/babelmix/.cache

ENV PATH=/opt/venv/bin:$PATH \
    BABELMIX_HOME=/opt/babelmix \
    TMPDIR=/scratch \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/babelmix

# The dependencies alone, so that a change of the code does not install them again.
COPY pyproject.toml constraints.txt README.md ./
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --constraint constraints.txt --editable '.[ray]' 'ray[default]' \
    && pip install --no-cache-dir --constraint constraints.txt --no-deps --force-reinstall fasttext-numpy2-wheel

COPY . .
RUN pip install --no-cache-dir --no-deps --editable . && python -m compileall -q . && babelmix languages check

# A number, by which Kubernetes sees that it is not root.
USER 1000
ENTRYPOINT ["tini", "-g", "--"]
CMD ["babelmix", "--help"]
