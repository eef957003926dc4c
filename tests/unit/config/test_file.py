from seaway.config.file import mask_credentials


def test_passwords_are_masked() -> None:
    assert mask_credentials("http://me:secret@proxy:1") == "http://xxxxx:xxxxx@proxy:1"
    assert mask_credentials("http://proxy:1") == "http://proxy:1"
