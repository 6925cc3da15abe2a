using System.Runtime.CompilerServices;

namespace Matrix.Cluster.Tests;

/// <summary>Waits for conditions, for long: on a busy machine any thread may stop for seconds.</summary>
internal static class Until
{
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    /// <summary>Waits until something holds, and fails if that takes too long.</summary>
    public static async Task HoldsAsync(
        Func<bool> holds, [CallerArgumentExpression(nameof(holds))] string condition = "")
    {
        var until = DateTime.UtcNow + _longest;
        while (!holds())
        {
            Assert.That(DateTime.UtcNow, Is.LessThan(until), $"This never held: {condition}");
            await Task.Delay(10);
        }
    }
}
