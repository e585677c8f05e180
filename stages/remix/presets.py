"""Published weights, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

OLMO3_TOPICS = MappingProxyType(
    {
        "adult_content": 0.001144117810399051,
        "art_and_design": 0.01249707367344882,
        "crime_and_law": 0.02923482987563418,
        "education_and_jobs": 0.042876790729263314,
        "electronics_and_hardware": 0.03452411494012139,
        "entertainment": 0.09598475243055875,
        "fashion_and_beauty": 0.00012733666316416182,
        "finance_and_business": 0.04067027113145341,
        "food_and_dining": 0.014086159108083668,
        "games": 0.06891284699600658,
        "health": 0.09942183338931967,
        "history_and_geography": 0.027098556464741227,
        "home_and_hobbies": 0.009226467887549798,
        "industrial": 0.015745768366251897,
        "literature": 0.0682512927464629,
        "politics": 0.02170366281584968,
        "religion": 0.019765203386769094,
        "science_math_and_technology": 0.2102541083699082,
        "social_life": 0.00464628155954837,
        "software": 0.04733898713026143,
        "software_development": 0.11142142430705981,
        "sports_and_fitness": 0.013072140601763493,
        "transportation": 0.009798609444870071,
        "travel_and_tourism": 0.002197370171511048,
    }
)
"""Parts of web text by WebOrganizer's 24 topics in OLMo 3's pretraining mix (Dolma 3 Mix, 6T, 2025), fitted on small
models for web pages that DCLM's recipe has filtered. From github.com/allenai/dolma3 at f7def58,
datasets/dolma3_mix/mixes/mixing_dashboard.ipynb (REAL_EXAMPLE_PSTAR); 6T-1025/README.md beside it has them in percent,
as "Optimized Ratio"."""

PRESETS: Mapping[str, Mapping[str, float]] = MappingProxyType({"olmo3_topics": OLMO3_TOPICS})


def find_preset(weights: Any) -> Any:
    """The weights of that name, or what was given where it is no name. Raises ValueError for an unknown name."""
    if not isinstance(weights, str):
        return weights
    if weights not in PRESETS:
        raise ValueError(f"there are no weights called {weights!r}; there are {', '.join(PRESETS)}")
    return dict(PRESETS[weights])
