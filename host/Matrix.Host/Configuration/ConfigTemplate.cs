using System.Text;

namespace Matrix.Host.Configuration;

/// <summary>Writes the commented file of the first start: every setting with its meaning and default.</summary>
internal static class ConfigTemplate
{
    private const int Width = 120;

    internal static string Write(string serverName)
    {
        var text = new StringBuilder();
        Comment(
            text,
            "",
            "Settings of this homeserver. A line that starts with # shows a default. To change it, remove the # from "
                + "this line and from the line of its group's name.");
        Comment(
            text,
            "",
            "Each setting can also be set in the environment, which takes precedence: MATRIX_ and the name in upper "
                + "case, levels joined by two underscores, such as MATRIX_LISTENERS__CLIENT. `mx config check` "
                + "reports mistakes.");
        text.Append('\n');

        var section = "";
        foreach (var key in ConfigKeys.All.Where(k => !k.Hidden))
        {
            var dot = key.Path.IndexOf('.', StringComparison.Ordinal);
            var name = key.Path[(dot + 1)..];
            if (dot >= 0 && key.Path[..dot] != section)
            {
                section = key.Path[..dot];
                text.Append('\n');
                Comment(text, "", ConfigKeys.Sections[section]);
                text.Append($"#{section}:\n");
            }

            Comment(text, dot < 0 ? "" : "  ", key.Meaning);
            if (key == ConfigKeys.ServerName) text.Append($"{name}: {serverName}\n");
            else text.Append(dot < 0 ? $"#{name}: {key.DefaultText}\n" : $"  #{name}: {key.DefaultText}\n");
        }

        return text.ToString();
    }

    private static void Comment(StringBuilder text, string indent, string sentence)
    {
        var line = new StringBuilder();
        foreach (var word in sentence.Split(' '))
        {
            if (line.Length > 0 && indent.Length + line.Length + word.Length + 3 > Width)
            {
                text.Append($"{indent}# {line}\n");
                line.Clear();
            }

            if (line.Length > 0) line.Append(' ');
            line.Append(word);
        }

        text.Append($"{indent}# {line}\n");
    }
}
