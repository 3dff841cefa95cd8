"""How a run goes: devices are met, trials take rounds in turns, and a journal keeps what is finished."""
