"""Execution providers: CoreML's options by name and value, as onnxruntime 1.31 accepts them."""

import logging
from dataclasses import fields
from pathlib import Path

import onnxruntime as ort
import pytest

from chorus.errors import SettingError
from workers.inference import providers
from workers.inference.providers import (
    COREML_OPTIONS,
    COREML_PROVIDER,
    RUNTIME,
    Accelerator,
    CoreML,
    accelerator,
    check,
    wished,
)

CACHE = Path("/home/ada/chorus/coreml/abc")


def test_the_options_are_those_of_the_onnxruntime_that_is_installed() -> None:
    assert ort.__version__.startswith(f"{RUNTIME}."), "look through COREML_OPTIONS anew, then change RUNTIME"


@pytest.mark.parametrize(("lane", "units"), [("ane", "CPUAndNeuralEngine"), ("gpu", "CPUAndGPU")])
def test_a_lane_states_every_option_explicitly(lane: Accelerator, units: str) -> None:
    provider = accelerator(lane, cache_folder=CACHE)
    assert provider.name == COREML_PROVIDER
    assert provider.options == {
        "ModelFormat": "MLProgram",
        "MLComputeUnits": units,
        "SpecializationStrategy": "FastPrediction",
        "RequireStaticInputShapes": "0",
        "EnableOnSubgraphs": "0",
        "AllowLowPrecisionAccumulationOnGPU": "0",
        "ProfileComputePlan": "0",
        "ModelCacheDirectory": str(CACHE),
    }


def test_every_typed_option_reaches_onnxruntime_under_a_name_that_it_knows() -> None:
    bold = CoreML(
        compute_units="CPUOnly",
        model_format="NeuralNetwork",
        specialization="Default",
        static_shapes=True,
        subgraphs=True,
        low_precision_accumulation=True,
        profile_plan=True,
        cache_folder=CACHE,
    )
    plain = CoreML(compute_units="ALL").options()
    check(bold.options())
    check(plain)
    assert set(bold.options()) == set(COREML_OPTIONS)
    assert len(fields(CoreML)) == len(COREML_OPTIONS)
    assert all(bold.options()[name] != value for name, value in plain.items()), "each field moves an option of its own"


def test_requested_options_override_the_defaults() -> None:
    provider = accelerator("ane", cache_folder=CACHE, wishes="ModelFormat=NeuralNetwork, ProfileComputePlan=1,")
    assert provider.options["ModelFormat"] == "NeuralNetwork"
    assert provider.options["ProfileComputePlan"] == "1"
    assert provider.options["MLComputeUnits"] == "CPUAndNeuralEngine"
    assert wished("") == {}


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        (
            "ModelFromat=MLProgram",
            r"CoreML in onnxruntime 1\.31 has no option 'ModelFromat'.*did you mean ModelFormat\?",
        ),
        ("xyz=1", r"no option 'xyz'.*there are ModelFormat, MLComputeUnits"),
        (
            "ModelFormat=onnx",
            r"ModelFormat=onnx \(CHORUS_COREML\) is none of its values: choose MLProgram, NeuralNetwork",
        ),
        ("RequireStaticInputShapes=yes", "is none of its values: choose 0, 1"),
        ("RequireStaticInputShapes", "RequireStaticInputShapes= .*is none of its values"),
        ("ModelCacheDirectory=", "is none of its values: choose a folder"),
        ("MLComputeUnits=ALL", "each lane sets itself: choose with CHORUS_LANES"),
    ],
)
def test_options_that_coreml_would_refuse_are_refused_earlier(wishes: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        wished(wishes)


def test_requesting_fixed_shapes_logs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=providers.__name__):
        assert wished("RequireStaticInputShapes=1") == {"RequireStaticInputShapes": "1"}
    assert "Padding to a fixed length would change how it sounds, so nothing is padded" in caplog.text
    caplog.clear()
    wished("RequireStaticInputShapes=0")
    assert caplog.text == ""
