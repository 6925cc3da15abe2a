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
        foreach (var setting in Settings.All.Where(static each => !each.IsHidden))
        {
            var name = setting.Name[(setting.Name.IndexOf('.', StringComparison.Ordinal) + 1)..];
            var indent = setting.Section.Length == 0 ? "" : "  ";
            if (setting.Section != section)
            {
                section = setting.Section;
                text.Append('\n');
                Comment(text, "", Settings.Sections[section].Meaning);
                text.Append($"#{section}:\n");
            }

            Comment(text, indent, setting.Meaning);
            text.Append(setting.Name == "server_name"
                ? $"{name}: {serverName}\n"
                : $"{indent}#{name}: {setting.DefaultText}\n");
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
