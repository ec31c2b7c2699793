"""Writes a handful of generated rows, enough to see the pipeline run from end to end.

The rows are so easy that a working pipeline gets nearly all of them right.
"""

import argparse
import gzip
import json
from pathlib import Path

TERMS = {
    "biology": ("mitochondria", "photosynthesis", "cell membranes", "natural selection", "enzymes"),
    "business": ("marketing plans", "invoices", "customer refunds", "sales targets", "brand strategy"),
    "chemistry": ("covalent bonds", "molar mass", "titration", "oxidation", "organic compounds"),
    "computer science": ("binary trees", "compilers", "Python functions", "sorting algorithms", "databases"),
    "economics": ("inflation", "supply and demand", "monetary policy", "price elasticity", "gross domestic product"),
    "engineering": ("bridge trusses", "circuit breakers", "turbine blades", "control valves", "concrete beams"),
    "health": ("diabetes symptoms", "blood pressure", "vaccine side effects", "asthma inhalers", "a balanced diet"),
    "history": ("the Roman Empire", "the French Revolution", "medieval kings", "the Cold War", "ancient Egypt"),
    "law": ("contract breaches", "tort liability", "the supreme court", "a lawsuit", "criminal procedure"),
    "math": ("quadratic equations", "integrals", "prime numbers", "matrices", "probability of dice"),
    "philosophy": ("Kant's ethics", "free will", "utilitarianism", "Plato's forms", "existentialism"),
    "physics": ("gravity", "quantum states", "kinetic energy", "magnetic fields", "the speed of light"),
    "psychology": ("cognitive bias", "childhood attachment", "classical conditioning", "memory recall", "motivation"),
    "other": ("a pasta recipe", "holiday hotels", "movie trivia", "a birthday song", "garden furniture"),
}
TRAIN = (
    "Explain {}.", "What should I know about {}?", "Tell me more on {}", "Give an example of {}.",
    "Why does {} matter?", "Write a short text about {}.", "How is {} used?", "Summarise {} for me.",
)
DEV = ("I have a question about {}.", "Describe {} in two sentences.")


def write(path: Path, sentences: tuple[str, ...]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as f:
        for label, terms in TERMS.items():
            for term in terms:
                for s in sentences:
                    f.write(json.dumps({"text": s.format(term), "label": label, "source": "generated"}) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("directory", type=Path)
    directory = p.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / "domain_train.jsonl.gz", TRAIN)
    write(directory / "domain_dev.jsonl.gz", DEV)


if __name__ == "__main__":
    main()
