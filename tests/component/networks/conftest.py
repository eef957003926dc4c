import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `isolated`, which the stories import in their own process too
