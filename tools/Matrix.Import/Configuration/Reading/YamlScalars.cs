using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Matrix.Import.Configuration.Reading;

/// <summary>The types of plain scalars in YAML 1.1, as PyYAML resolves them.</summary>
internal static partial class YamlScalars
{
    private const string Tags = "tag:yaml.org,2002:";

    private static readonly HashSet<string> _true =
        new(StringComparer.Ordinal) { "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON" };

    private static readonly HashSet<string> _false =
        new(StringComparer.Ordinal) { "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF" };

    /// <summary>The value of a scalar; null if it has a tag that a safe loader refuses.</summary>
    internal static YamlValue? Read(Scalar scalar, YamlPlace place)
    {
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag is "!" or Tags + "str") return new YamlValue.Text(place, scalar.Value);
        if (tag.Length == 0)
        {
            return scalar.Style == ScalarStyle.Plain
                ? Plain(scalar.Value, place)
                : new YamlValue.Text(place, scalar.Value);
        }

        return tag is Tags + "int" or Tags + "float" or Tags + "bool" or Tags + "null"
            ? Plain(scalar.Value, place)
            : null;
    }

    private static YamlValue Plain(string text, YamlPlace place)
    {
        if (text is "" or "~" or "null" or "Null" or "NULL") return new YamlValue.Nothing(place);
        if (_true.Contains(text)) return new YamlValue.Flag(place, true);
        if (_false.Contains(text)) return new YamlValue.Flag(place, false);
        if (Integers().IsMatch(text) && Integer(text.Replace("_", "", StringComparison.Ordinal)) is { } whole)
        {
            return new YamlValue.Whole(place, whole, text);
        }

        return Reals().IsMatch(text)
            && double.TryParse(
                text.Replace("_", "", StringComparison.Ordinal),
                NumberStyles.Float,
                CultureInfo.InvariantCulture,
                out var real)
            && double.IsFinite(real)
                ? new YamlValue.Real(place, real, text)
                : new YamlValue.Text(place, text);
    }

    /// <summary>Null if 64 bits are too few.</summary>
    private static long? Integer(string text)
    {
        var isNegative = text[0] == '-';
        var digits = text.TrimStart('-', '+');
        var (radix, rest) = digits switch
        {
            ['0', 'b', ..] => (2, digits[2..]),
            ['0', 'x', ..] => (16, digits[2..]),
            ['0', _, ..] => (8, digits[1..]),
            _ => (10, digits),
        };
        var value = 0L;
        try
        {
            foreach (var part in rest.Split(':'))
            {
                value = checked((rest.Contains(':') ? value * 60 : 0) + Digits(part, radix));
            }
        }
        catch (OverflowException)
        {
            return null;
        }

        return isNegative ? -value : value;
    }

    private static long Digits(string text, int radix)
    {
        var value = 0L;
        foreach (var digit in text) value = checked(value * radix + Convert.ToInt32(digit.ToString(), 16));
        return value;
    }

    [GeneratedRegex(
        @"^[-+]?(0b[01_]*[01][01_]*|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*"
            + @"|[1-9][0-9_]*(:[0-5]?[0-9])+)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Integers();

    [GeneratedRegex(
        @"^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Reals();
}
