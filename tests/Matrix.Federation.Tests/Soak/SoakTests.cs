using System.Globalization;

namespace Matrix.Federation.Tests.Soak;

/// <summary>
/// Nothing that was acknowledged is lost or doubled, and all servers agree after they healed. `tests/soak/run` sets the
/// time, the seed and the number of kills.
/// </summary>
[Category("Slow")]
[Category("PostgreSQL")]
[NonParallelizable]
public sealed class SoakTests
{
    private static readonly int _seed = Setting("SEED", Environment.TickCount & 0xFFFFFF);

    [Test]
    public async Task Three_servers_agree_after_kills_partitions_and_stops()
    {
        SoakRun.Print($"seed {_seed}");
        await using var run = new SoakRun(_seed);
        await run.SoakAsync(TimeSpan.FromSeconds(Setting("SECONDS", 120)));
    }

    [Test]
    public async Task Three_servers_agree_after_short_lives()
    {
        SoakRun.Print($"seed {_seed}");
        await using var run = new SoakRun(_seed);
        await run.KillAsync(Setting("KILLS", 10));
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable("MATRIX_SOAK_" + name) is { Length: > 0 } value
            ? int.Parse(value, CultureInfo.InvariantCulture)
            : otherwise;
}
