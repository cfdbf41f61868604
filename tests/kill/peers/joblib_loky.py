"""loky's reusable executor, as joblib brings it. See executor.py. Asking for another one after a death
gives another one; here it is asked whether the one that saw the death goes on."""

from joblib.externals import loky

import executor
import trial as frame

if __name__ == "__main__":
    frame.main(executor.scenes(lambda trial: loky.get_reusable_executor(max_workers=2)))
