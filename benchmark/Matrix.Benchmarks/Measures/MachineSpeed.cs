using System.Diagnostics;
using Matrix.Host.Crypto;

namespace Matrix.Benchmarks.Measures;

/// <summary>
/// The time of one Ed25519 verification, by which absolute figures are scaled. 50 microseconds are 1.0; a
/// machine that needs 100 may take twice the milliseconds and has half the target throughput.
/// </summary>
internal static class MachineSpeed
{
    /// <summary>Microseconds of one verification on a machine whose scale is 1.0.</summary>
    public const double Reference = 50;

    private const int Count = 4000;

    /// <summary>How much slower than the reference this machine is now. Prints it.</summary>
    public static double Report(TextWriter output)
    {
        var microseconds = Verification();
        var scale = microseconds / Reference;
        output.WriteLine(
            $"       one Ed25519 verification takes {microseconds:0.0} us: figures are scaled by {scale:0.00}");
        output.Flush();
        return scale;
    }

    /// <summary>Microseconds.</summary>
    private static double Verification()
    {
        var key = Ed25519Key.Generate();
        var message = new byte[500];
        var signature = key.Sign(message);
        var best = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < Count; i++)
            {
                if (!Ed25519.Verify(key.PublicKey, message, signature))
                {
                    throw new InvalidOperationException("A valid signature did not verify.");
                }
            }

            best = Math.Min(best, watch.Elapsed.TotalMicroseconds / Count);
        }

        return best;
    }
}
