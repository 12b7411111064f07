"""Results beside the requests: none reads the case once it is closed."""

import threading

from mediafp.web.derived import Derived


def test_close_waits_for_the_running_computation_and_starts_no_other() -> None:
    entered, released = threading.Event(), threading.Event()
    ended: list[int] = []

    def compute() -> int:
        entered.set()
        assert released.wait(30)
        ended.append(len(ended))
        return 1

    derived = Derived(compute, lambda: 5)
    derived.latest()
    assert entered.wait(30)
    closing = threading.Thread(target=derived.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive() and not ended
    released.set()
    closing.join(30)
    assert not closing.is_alive() and ended == [0]
    changed = Derived(compute, lambda: 6)
    changed.close()
    assert changed.wait(5) is None and ended == [0]
