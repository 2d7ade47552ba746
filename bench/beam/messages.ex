defmodule Bench.Messages do
  import Bench
  alias Bench.Counter

  def cast_from_1, do: cast("cast_1", 1, 1_000_000)
  def cast_from_100, do: cast("cast_100", 100, 10_000)

  defp cast(row, senders, each) do
    {:ok, to} = Counter.start_link([])

    rate(row, senders * each, fn ->
      before = GenServer.call(to, :total)
      parallel(senders, fn -> repeat(each, fn -> GenServer.cast(to, {:add, 1}) end) end)
      await_total(to, before + senders * each)
    end)
  end

  defp await_total(to, sent) do
    if GenServer.call(to, :total, :infinity) < sent, do: await_total(to, sent)
  end

  def call_from_1, do: call("call_1", 1, 300_000)
  def call_from_100, do: call("call_100", 100, 5_000)

  defp call(row, callers, each) do
    {:ok, to} = Counter.start_link([])

    rate(row, callers * each, fn ->
      parallel(callers, fn -> repeat(each, fn -> GenServer.call(to, {:sum, 1}) end) end)
    end)
  end

  # A hopper passes what it gets on to the next, until it has been passed often enough.
  defp hopper(next, main) do
    receive do
      {:join, next} ->
        hopper(next, main)

      {:hop, 0} ->
        send(main, :done)
        hopper(next, main)

      {:hop, left} ->
        send(next, {:hop, left - 1})
        hopper(next, main)
    end
  end

  defp circle(n) do
    main = self()
    first = spawn_link(fn -> hopper(nil, main) end)
    last = Enum.reduce(2..n, first, fn _, next -> spawn_link(fn -> hopper(next, main) end) end)
    send(first, {:join, last})
    first
  end

  defp go_round(first, hops) do
    send(first, {:hop, hops})
    receive do: (:done -> :ok)
  end

  def ping_pong do
    trips = 300_000
    first = circle(2)
    rate("ping_pong", trips, fn -> go_round(first, 2 * trips) end)
  end

  def ring do
    hops = 1_000 * 1_000
    first = circle(1_000)
    rate("ring", hops, fn -> go_round(first, hops) end)
  end

  @members 10_000

  # One of a group. The last to hear of an event says so.
  defp member(heard, main) do
    receive do
      {:event, _} ->
        if rem(:atomics.add_get(heard, 1, 1), @members) == 0, do: send(main, :all)
        member(heard, main)
    end
  end

  def group do
    events = 100
    {:ok, _} = :pg.start_link()
    heard = :atomics.new(1, [])
    main = self()
    :ok = :pg.join(:bench, for(_ <- 1..@members, do: spawn_link(fn -> member(heard, main) end)))

    rate("group", events * @members, fn ->
      Enum.each(1..events, fn i ->
        Enum.each(:pg.get_members(:bench), &send(&1, {:event, i}))
        receive do: (:all -> :ok)
      end)
    end)
  end
end
