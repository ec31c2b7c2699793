"""What people put around a question, whatever it is about.

Most training rows are bare exam questions, while chatty wording is found mostly in
rows labelled "other". Random framing of all rows keeps the wording from deciding.
"""

OPENINGS = (
    "Hi,", "hey,", "Hello!", "Question:", "Q:", "quick question,", "I have a question:",
    "Can you help me with this:", "Could you tell me:", "Please answer the following.",
    "Explain this to me:", "Help me understand", "In simple terms,", "Write a short answer:",
    "Here is something I am stuck on:", "For my class:", "You are a helpful assistant.",
    "As an expert, answer:", "Give me a detailed answer.", "I was wondering,",
    "I need help with the following:", "User:", "Write a few paragraphs about this:",
)

CLOSINGS = (
    "Thanks!", "Thank you.", "Please keep it short.", "Explain your reasoning.",
    "Think step by step.", "Answer in one sentence.", "Give an example.", "Answer:",
    "Write it as bullet points.", "What do you think?", "I need this by tomorrow.",
    "Be as detailed as possible.", "Explain it to a beginner.", "A:", "Assistant:",
)


def frame(text: str, random) -> str:
    """The text with an opening, a closing, or both."""
    which = random.integers(3)
    opening = f"{OPENINGS[random.integers(len(OPENINGS))]} " if which != 0 else ""
    closing = f" {CLOSINGS[random.integers(len(CLOSINGS))]}" if which != 1 else ""
    return f"{opening}{text}{closing}"
