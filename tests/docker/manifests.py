"""What the compose file and the KubeRay manifests may say: the parts of their schemas that dspipe uses, and no others.

Taken from compose-spec's schema (compose-spec.json) and from KubeRay's definitions of RayCluster and RayJob v1
(helm-chart/kuberay-operator/crds), against which the files were validated whole, unknown keys refused, in 2026-11.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Quantity = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|k|Ki|Mi|Gi|Ti|M|G|T)?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(_Strict):
    name: Name


class SecretRef(_Strict):
    name: Name
    optional: bool = False


class EnvFrom(_Strict):
    secretRef: SecretRef


class Resources(_Strict):
    requests: dict[Literal["cpu", "memory"], Quantity]
    limits: dict[Literal["cpu", "memory"], Quantity]


class Container(_Strict):
    name: Name
    image: str
    resources: Resources
    envFrom: list[EnvFrom] = []


class PodSpec(_Strict):
    containers: list[Container] = Field(min_length=1)


class PodTemplate(_Strict):
    spec: PodSpec


class HeadGroup(_Strict):
    rayStartParams: dict[str, str]
    template: PodTemplate


class WorkerGroup(HeadGroup):
    groupName: Name
    replicas: int = Field(ge=0)
    minReplicas: int = Field(ge=0)
    maxReplicas: int = Field(ge=1)


class AutoscalerOptions(_Strict):
    idleTimeoutSeconds: int = Field(ge=0)


class RayClusterSpec(_Strict):
    enableInTreeAutoscaling: bool
    autoscalerOptions: AutoscalerOptions
    headGroupSpec: HeadGroup
    workerGroupSpecs: list[WorkerGroup] = Field(min_length=1)


class RayCluster(_Strict):
    apiVersion: Literal["ray.io/v1"]
    kind: Literal["RayCluster"]
    metadata: Metadata
    spec: RayClusterSpec


class RayJobSpec(_Strict):
    entrypoint: str
    shutdownAfterJobFinishes: bool
    ttlSecondsAfterFinished: int = Field(ge=0)
    backoffLimit: int = Field(ge=0)
    rayClusterSpec: RayClusterSpec


class RayJob(_Strict):
    apiVersion: Literal["ray.io/v1"]
    kind: Literal["RayJob"]
    metadata: Metadata
    spec: RayJobSpec


class Build(_Strict):
    context: str
    dockerfile: str


class Health(_Strict):
    test: list[str] = Field(min_length=2)
    interval: Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m)$")]
    retries: int = Field(ge=1)


class DependsOn(_Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Service(_Strict):
    build: Build
    image: str
    entrypoint: list[str]
    command: list[str] = []
    volumes: list[str] = []
    shm_size: Annotated[str, StringConstraints(pattern=r"^\d+(b|k|m|g|kb|mb|gb)$")]
    healthcheck: Health | None = None
    ports: list[str] = []
    depends_on: dict[str, DependsOn] = {}


class Compose(_Strict):
    services: dict[str, Service]
    volumes: dict[str, None]
