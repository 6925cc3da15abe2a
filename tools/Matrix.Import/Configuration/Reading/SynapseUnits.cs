using System.Globalization;

namespace Matrix.Import.Configuration.Reading;

/// <summary>Synapse's sizes (`50M`) and durations (`1w`). A number alone is bytes, or milliseconds.</summary>
internal static class SynapseUnits
{
    private const long Second = 1000;
    private const long Day = 24 * 60 * 60 * Second;

    /// <summary>The longest duration that is kept apart from others: 100,000 days.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromDays(100_000);

    internal static bool TryReadBytes(string text, out long bytes)
    {
        var (size, digits) = text switch
        {
            [.. var number, 'K'] => (1L << 10, number),
            [.. var number, 'M'] => (1L << 20, number),
            [.. var number, 'G'] => (1L << 30, number),
            [.. var number, 'T'] => (1L << 40, number),
            _ => (1L, text),
        };
        return TryMultiply(digits, size, out bytes) && bytes >= 0;
    }

    internal static bool TryReadDuration(string text, out TimeSpan duration)
    {
        var (size, digits) = text switch
        {
            [.. var number, 's'] => (Second, number),
            [.. var number, 'm'] => (60 * Second, number),
            [.. var number, 'h'] => (60 * 60 * Second, number),
            [.. var number, 'd'] => (Day, number),
            [.. var number, 'w'] => (7 * Day, number),
            [.. var number, 'y'] => (365 * Day, number),
            _ => (1L, text),
        };
        var isValid = TryMultiply(digits, size, out var milliseconds) && milliseconds >= 0;
        duration = !isValid ? TimeSpan.Zero
            : milliseconds > _longest.TotalMilliseconds ? _longest
            : TimeSpan.FromMilliseconds(milliseconds);
        return isValid;
    }

    private static bool TryMultiply(string digits, long size, out long product)
    {
        product = 0;
        if (!long.TryParse(
            digits.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        product = (long)Int128.Clamp((Int128)number * size, long.MinValue, long.MaxValue);
        return true;
    }
}
