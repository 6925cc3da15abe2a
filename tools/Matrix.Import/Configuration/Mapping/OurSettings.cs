using System.Globalization;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Collects settings of this server. One that Synapse has no value for keeps this server's default.</summary>
internal sealed class OurSettings
{
    private static readonly (string Unit, long Size)[] _times =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

    private static readonly (string Unit, long Size)[] _sizes =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("", 1)];

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>The settings by name, each as written in YAML.</summary>
    internal IReadOnlyDictionary<string, string> Values => _values;

    internal bool Has(string name) => _values.ContainsKey(name);

    internal void Remove(string name) => _values.Remove(name);

    internal void Set(string name, string? text)
    {
        if (text is not null) _values[name] = YamlText.Quote(text);
    }

    internal void Set(string name, Secret? secret) => Set(name, secret?.Reveal());

    internal void Set(string name, bool? flag)
    {
        if (flag is { } value) _values[name] = value ? "true" : "false";
    }

    /// <param name="name">The setting.</param>
    /// <param name="number">The number, which is moved into the bounds.</param>
    /// <param name="least">The lower bound of the setting.</param>
    /// <param name="most">The upper bound of the setting.</param>
    internal void Set(string name, long? number, long least, long most)
    {
        if (number is { } value)
        {
            _values[name] = Math.Clamp(value, least, most).ToString(CultureInfo.InvariantCulture);
        }
    }

    internal void SetBytes(string name, long? bytes, long most = long.MaxValue)
    {
        if (bytes is not (> 0 and var given)) return;
        var value = Math.Min(given, most);
        var (unit, size) = Array.Find(_sizes, each => value % each.Size == 0);
        _values[name] = string.Create(CultureInfo.InvariantCulture, $"{value / size}{unit}");
    }

    internal void Set(string name, TimeSpan? time)
    {
        if (time is not { } given || given <= TimeSpan.Zero) return;
        var value = (long)given.TotalMilliseconds;
        var (unit, size) = Array.Find(_times, each => value % each.Size == 0);
        _values[name] = string.Create(CultureInfo.InvariantCulture, $"{value / size}{unit}");
    }

    internal void Set(string name, IReadOnlyCollection<string> items)
    {
        if (items.Count > 0) _values[name] = $"[{string.Join(", ", items.Select(YamlText.Quote))}]";
    }

    internal void Set(string name, YamlValue value) => _values[name] = YamlText.Write(value);

    /// <summary>Sets a rate, which must be above zero.</summary>
    internal bool SetRate(string name, double rate)
    {
        var text = rate.ToString("0.############", CultureInfo.InvariantCulture);
        if (rate <= 0 || text == "0") return false;
        _values[name] = text;
        return true;
    }
}
