defmodule Bench.Lives do
  import Bench
  alias Bench.Counter

  def dynamic do
    n = 50_000

    took =
      for round <- 0..timed(), reduce: 0 do
        took ->
          {:ok, sup} = DynamicSupervisor.start_link(strategy: :one_for_one)
          began = System.monotonic_time(:nanosecond)
          pids = start_under(sup, n, [])
          ns = System.monotonic_time(:nanosecond) - began
          # not with DynamicSupervisor.stop, which takes 20 s for so many
          Process.unlink(sup)
          Process.exit(sup, :kill)
          Enum.each(pids, &await_end/1)
          # the first round warms up
          if round == 0, do: 0, else: took + ns
      end

    report("dynamic", timed() * n / took * 1.0e3, "M/s")
  end

  defp start_under(_, 0, pids), do: pids

  defp start_under(sup, n, pids) do
    {:ok, pid} = DynamicSupervisor.start_child(sup, {Counter, []})
    start_under(sup, n - 1, [pid | pids])
  end

  # From the crash of a child until it answers by its name. The supervisor is a new one
  # after each 100 crashes: it remembers them for its budget.
  def restart do
    [_warm_up | rounds] =
      for _ <- 0..50 do
        child = {Counter, name: Bench.Restarted}
        {:ok, sup} = Supervisor.start_link([child], strategy: :one_for_one, max_restarts: 1_000)
        samples = for _ <- 1..100, do: clock(&crash_and_ask/0)
        Supervisor.stop(sup)
        samples
      end

    samples = List.flatten(rounds)
    report("restart_p50", percentile(samples, 50) / 1.0e3, "µs")
    report("restart_p99", percentile(samples, 99) / 1.0e3, "µs")
  end

  defp crash_and_ask do
    GenServer.cast(Bench.Restarted, :crash)
    ask()
  end

  # Without the yield the asker keeps the supervisor from its work, and it takes five
  # times as long.
  defp ask do
    GenServer.call(Bench.Restarted, :total)
  catch
    :exit, _ ->
      :erlang.yield()
      ask()
  end

  # Asks for each of 1,000 names in turn.
  def look_up do
    looks = 2_000_000
    {:ok, _} = Registry.start_link(keys: :unique, name: Bench.Names)

    names =
      for i <- 0..999 do
        name = {Bench.Names, "counter:#{i}"}
        {:ok, _} = Counter.start_link(name: {:via, Registry, name})
        name
      end

    rate("lookup", looks, fn -> repeat(div(looks, 1_000), fn -> look_up_each(names) end) end)
  end

  defp look_up_each([]), do: :ok

  defp look_up_each([name | names]) do
    true = is_pid(Registry.whereis_name(name))
    look_up_each(names)
  end

  def task do
    n = 100_000
    rate("task", n, fn -> repeat(n, fn -> 1 = Task.await(Task.async(fn -> 1 end)) end) end)
  end

  def spawn_and_stop do
    n = 100_000

    took =
      for round <- 0..timed(), reduce: 0 do
        took ->
          began = System.monotonic_time(:nanosecond)
          pids = start(n, [])
          ns = System.monotonic_time(:nanosecond) - began
          Enum.each(pids, &Process.exit(&1, :kill))
          Enum.each(pids, &await_end/1)
          # the first round warms up
          if round == 0, do: 0, else: took + ns
      end

    report("spawn", took / (timed() * n) / 1.0e3, "µs")
  end

  defp start(0, pids), do: pids

  defp start(n, pids) do
    {:ok, pid} = GenServer.start(Counter, 0)
    start(n - 1, [pid | pids])
  end

  defp await_end(pid) do
    ref = Process.monitor(pid)
    receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
  end

  # Weighs processes that have answered a call, by what the BEAM says of each.
  def idle do
    n = 1_000
    pids = start(n, [])
    Enum.each(pids, &GenServer.call(&1, {:sum, 1}))
    report("idle_bytes", weigh(pids) / n, "B")
    Enum.each(pids, &GenServer.call(&1, :hibernate))
    Process.sleep(100)
    report("idle_bytes_hibernated", weigh(pids) / n, "B")
  end

  defp weigh(pids) do
    Enum.sum(for pid <- pids, {:memory, bytes} = Process.info(pid, :memory), do: bytes)
  end

  def million do
    repeat(1_000_000, fn -> {:ok, _} = GenServer.start(Counter, 0) end)
    report("million", resident(), "MB")
  end

  # The program's memory as Linux sees it, in MB of 1,000,000 bytes.
  defp resident do
    [_, kib] = Regex.run(~r/VmRSS:\s+(\d+) kB/, File.read!("/proc/self/status"))
    String.to_integer(kib) * 1024 / 1.0e6
  end
end
