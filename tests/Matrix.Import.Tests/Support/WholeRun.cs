using Matrix.Import.Runs;

namespace Matrix.Import.Tests.Support;

/// <summary>An import from its beginning to its end.</summary>
internal static class WholeRun
{
    public static async Task ToEndAsync(this ImportRun run, StreamNumbers numbers)
    {
        await run.BeginAsync(numbers, CancellationToken.None);
        await run.RunPartsAsync(CancellationToken.None);
        await run.EndAsync(numbers, CancellationToken.None);
    }
}
