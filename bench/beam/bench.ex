defmodule Bench do
  @moduledoc """
  What processes cost on the BEAM, row by row. `bench/processes` is the same work in Go;
  `bench/beam/run` runs both and compares them.

  Each row prints one line of JSON, or two.
  """

  def main(args) do
    # the crashes of a row are not to be printed, nor to be paid for
    :logger.set_primary_config(:level, :none)

    case {args, rows()} do
      {[], rows} ->
        Enum.each(rows, fn {_, run} -> run.() end)

      {[name], rows} ->
        case List.keyfind(rows, name, 0) do
          {_, run} -> run.()
          nil -> fail("there is no row #{inspect(name)}")
        end
    end
  end

  defp rows do
    [
      {"cast_1", &Bench.Messages.cast_from_1/0},
      {"cast_100", &Bench.Messages.cast_from_100/0},
      {"call_1", &Bench.Messages.call_from_1/0},
      {"call_100", &Bench.Messages.call_from_100/0},
      {"ping_pong", &Bench.Messages.ping_pong/0},
      {"ring", &Bench.Messages.ring/0},
      {"group", &Bench.Messages.group/0},
      {"dynamic", &Bench.Lives.dynamic/0},
      {"restart", &Bench.Lives.restart/0},
      {"lookup", &Bench.Lives.look_up/0},
      {"task", &Bench.Lives.task/0},
      {"spawn", &Bench.Lives.spawn_and_stop/0},
      {"idle", &Bench.Lives.idle/0},
      {"million", &Bench.Lives.million/0},
      {"p99_alone", &Bench.Latency.alone/0},
      {"p99_blocked", &Bench.Latency.beside_blocked/0},
      {"p99_spinning", &Bench.Latency.beside_spinning/0}
    ]
  end

  @timed 3
  def timed, do: @timed

  @doc "Runs a round of n pieces of work once to warm up and three times on the clock."
  def rate(row, n, round) do
    round.()
    ns = clock(fn -> repeat(@timed, round) end)
    report(row, @timed * n / ns * 1.0e3, "M/s")
  end

  def clock(work) do
    began = System.monotonic_time(:nanosecond)
    work.()
    System.monotonic_time(:nanosecond) - began
  end

  def repeat(0, _), do: :ok

  def repeat(n, work) do
    work.()
    repeat(n - 1, work)
  end

  @doc "Does the work in n processes at once and waits for all of them."
  def parallel(1, work), do: work.()

  def parallel(n, work) do
    parent = self()

    repeat(n, fn ->
      spawn_link(fn ->
        work.()
        send(parent, :worked)
      end)
    end)

    repeat(n, fn -> receive do: (:worked -> :ok) end)
  end

  def report(row, value, unit) do
    IO.puts(~s({"row": "#{row}", "value": #{Float.round(value / 1, 4)}, "unit": "#{unit}"}))
  end

  @doc "By nearest rank: of 100 samples, the 99th is the second worst."
  def percentile(samples, p) do
    Enum.at(Enum.sort(samples), div(length(samples) * p + 99, 100) - 1)
  end

  def fail(why) do
    IO.puts(:stderr, why)
    System.halt(1)
  end
end

defmodule Bench.Counter do
  @moduledoc "The process that most rows send to."
  use GenServer

  def start_link(opts), do: GenServer.start_link(__MODULE__, 0, opts)

  @impl true
  def init(n), do: {:ok, n}

  @impl true
  def handle_cast({:add, by}, n), do: {:noreply, n + by}
  def handle_cast(:crash, n), do: {:stop, :crash, n}

  @impl true
  def handle_call({:sum, by}, _from, n), do: {:reply, n + by, n + by}
  def handle_call(:total, _from, n), do: {:reply, n, n}
  def handle_call(:hibernate, _from, n), do: {:reply, :ok, n, :hibernate}
end
