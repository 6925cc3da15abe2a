using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Pages of 100 messages, backwards through a room, again and again.</summary>
internal sealed class Pages : IWorkload
{
    private const int MessagesInTheRoom = 2000;

    public string Name => "messages";

    public string Sentence => "pages of 100 messages, backwards through a room of 2,000";

    public IRun? Prepare(Stage stage)
    {
        if (stage.Server.Kind != ServerKind.Homeserver)
        {
            return null;
        }

        var reader = stage.Population.First(1)[0];
        var room = Uri.EscapeDataString(reader.CreateRoom("pages"));
        for (var i = 0; i < MessagesInTheRoom; i++)
        {
            reader.Send(room);
        }

        // The last pages, at the room's beginning, are shorter: start again before them.
        const int fullPages = MessagesInTheRoom / 100;
        string? from = null;
        var page = 0;
        return new Repeated(stage, () =>
        {
            from = reader.Messages(room, page % fullPages == 0 ? null : from, limit: 100);
            page++;
        });
    }
}
