using Matrix.Core.Json;
using Matrix.Host.Rooms.Reading;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Writes an object whose members are objects of keys, in steps.</summary>
internal sealed class KeyObjects(ResponseWriter response)
{
    private bool _isFirst = true;
    private bool _isFirstInside;

    /// <summary>Opens a member.</summary>
    internal void Begin(string name)
    {
        Name(name);
        response.Buffer.Byte((byte)'{');
        _isFirstInside = true;
    }

    /// <summary>Closes it.</summary>
    internal void End() => response.Buffer.Byte((byte)'}');

    /// <summary>Writes a member.</summary>
    internal void Member(string name, Json value)
    {
        Name(name);
        CanonicalJson.Write(response.Buffer, value);
    }

    /// <summary>Writes the devices of a user into the open member.</summary>
    internal async ValueTask DevicesAsync(
        string userId, IEnumerable<KeyValuePair<string, JsonObject>> devices, CancellationToken stop)
    {
        Inside(userId);
        response.Buffer.Byte((byte)'{');
        var isFirst = true;
        foreach (var (device, keys) in devices)
        {
            if (!isFirst) response.Buffer.Byte((byte)',');
            isFirst = false;
            CanonicalJson.WriteString(response.Buffer, device);
            response.Buffer.Byte((byte)':');
            CanonicalJson.WriteObject(response.Buffer, keys);
            await response.StepAsync(stop);
        }

        response.Buffer.Byte((byte)'}');
    }

    /// <summary>Writes a key for each user into the open member.</summary>
    internal async ValueTask KeysAsync(IEnumerable<KeyValuePair<string, JsonObject>> keys, CancellationToken stop)
    {
        foreach (var (user, key) in keys)
        {
            Inside(user);
            CanonicalJson.WriteObject(response.Buffer, key);
            await response.StepAsync(stop);
        }
    }

    /// <summary>Closes the object.</summary>
    internal void Close() => response.Buffer.Byte((byte)'}');

    private void Name(string name)
    {
        response.Buffer.Byte(_isFirst ? (byte)'{' : (byte)',');
        _isFirst = false;
        CanonicalJson.WriteString(response.Buffer, name);
        response.Buffer.Byte((byte)':');
    }

    private void Inside(string name)
    {
        if (!_isFirstInside) response.Buffer.Byte((byte)',');
        _isFirstInside = false;
        CanonicalJson.WriteString(response.Buffer, name);
        response.Buffer.Byte((byte)':');
    }
}
