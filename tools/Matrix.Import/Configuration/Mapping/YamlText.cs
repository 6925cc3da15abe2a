using System.Globalization;
using System.Text;
using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration.Mapping;

/// <summary>Writes values in YAML's form that looks like JSON.</summary>
internal static class YamlText
{
    internal static string Quote(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 2);
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF')
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    internal static string Write(YamlValue value) => value switch
    {
        YamlValue.Flag flag => flag.Value ? "true" : "false",
        YamlValue.Whole number => number.Value.ToString(CultureInfo.InvariantCulture),
        YamlValue.Real number => number.Value.ToString("0.##########", CultureInfo.InvariantCulture),
        YamlValue.Text text => Quote(text.Value),
        YamlValue.Items list => $"[{string.Join(", ", list.Values.Select(Write))}]",
        YamlValue.Map map =>
            $"{{{string.Join(", ", map.Members.Select(each => $"{Quote(each.Key)}: {Write(each.Value)}"))}}}",
        _ => "null",
    };
}
