using System.Globalization;
using System.Text;
using Matrix.Import.Verifying;

namespace Matrix.Import.Commands;

/// <summary>The report of an import as Markdown.</summary>
internal static class ReportText
{
    /// <summary>The text.</summary>
    /// <param name="report">What was carried.</param>
    /// <param name="serverName">The server's name.</param>
    /// <param name="settings">What is different of the configuration, a sentence or two each.</param>
    public static string Of(VerifyReport report, string serverName, IReadOnlyList<string> settings)
    {
        var text = new StringBuilder();
        Line($"# Import of {serverName} from Synapse");
        Line("");
        Line("## Carried");
        Line("");
        Line("| part | kind | read | written | left out |");
        Line("| --- | --- | ---: | ---: | ---: |");
        foreach (var kind in report.Kinds)
        {
            Line($"| {kind.Part} | {kind.Kind} | {kind.Read} | {kind.Written} | {kind.LeftOut} |");
        }

        Line("");
        Line("## Left out");
        Line("");
        if (report.LeftOut.Count == 0) Line("Nothing.");
        foreach (var left in report.LeftOut)
        {
            var more = left.Count > left.Examples.Count ? $" and {left.Count - left.Examples.Count} more" : "";
            Line($"- {left.Kind}, {left.Count}: {left.Reason} ({string.Join(", ", left.Examples)}{more})");
        }

        Line("");
        Line("## Configuration");
        Line("");
        if (settings.Count == 0) Line("Nothing is different.");
        foreach (var setting in settings) Line($"- {setting}");
        Line("");
        Line("## Rooms");
        Line("");
        Line($"{report.Rooms} rooms were compared, {report.DifferingRooms} differ.");
        foreach (var difference in report.Differences)
        {
            Line($"- {difference.RoomId}, {difference.What}: Synapse has {difference.Synapse}, this server "
                + difference.Ours);
        }

        return text.ToString();

        void Line(string line) => text.Append(CultureInfo.InvariantCulture, $"{line}\n");
    }
}
