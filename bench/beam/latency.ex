defmodule Bench.Latency do
  import Bench

  defmodule Worker do
    @moduledoc "Works for a millisecond."
    use GenServer

    @impl true
    def init(_), do: {:ok, nil}

    @impl true
    def handle_call(:work, _from, state) do
      work_until(System.monotonic_time(:nanosecond) + 1_000_000)
      {:reply, :ok, state}
    end

    defp work_until(at), do: if(System.monotonic_time(:nanosecond) < at, do: work_until(at))
  end

  def alone, do: latency("alone", 1_000)

  def beside_blocked do
    for _ <- 1..10_000, do: spawn_link(fn -> receive do: (:never -> :ok) end)
    latency("blocked", 1_000)
  end

  def beside_spinning do
    main = self()

    for _ <- 1..100,
        do:
          spawn_link(fn ->
            send(main, :begun)
            spin(0)
          end)

    repeat(100, fn -> receive do: (:begun -> :ok) end)
    latency("spinning", 500)
  end

  defp spin(n), do: spin(n + 1)

  # What the caller of a worker waits: the 99th percentile, and the worst.
  defp latency(beside, calls) do
    {:ok, to} = GenServer.start_link(Worker, nil)
    samples = for _ <- 1..calls, do: clock(fn -> GenServer.call(to, :work, :infinity) end)
    report("p99_" <> beside, percentile(samples, 99) / 1.0e6, "ms")
    report("max_" <> beside, percentile(samples, 100) / 1.0e6, "ms")
  end
end
