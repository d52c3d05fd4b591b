"""The sound is the pitch, nothing clicks, and the player holds it."""

import io
import wave

import numpy as np
import pytest

from d2lib import music

HEAD = "M:2/4\nL:1/8\nK:C\n"
TUNE = "M:6/8\nL:1/8\nK:G\nGAB dBA|G3 G3|BAG d2:|"


class TestSound:
    @pytest.mark.parametrize("pitch", [57, 69, 81])
    def test_the_pitch_is_what_was_asked_for(self, pitch):
        sound = music.synthesize([[0, 4, pitch]], tempo=120)
        spectrum = np.abs(np.fft.rfft(sound))
        loudest = np.fft.rfftfreq(len(sound), 1 / 22050)[spectrum.argmax()]
        assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.01)

    def test_onsets_and_length(self):
        sound = music.synthesize([[0, 1, 69], [3, 1, 76]], tempo=60, sample_rate=8000)
        assert sound.dtype == np.float32
        assert len(sound) == round(4.1 * 8000)
        assert np.abs(sound).max() == pytest.approx(0.8)
        assert np.abs(sound[8000:24000]).max() == 0
        assert np.abs(sound[24000:26000]).max() > 0.3
        again = music.synthesize([[0, 1, 69], [3, 1, 76]], tempo=60, sample_rate=8000)
        np.testing.assert_array_equal(sound, again)

    def test_nothing_clicks(self):
        # The wave never jumps further than its own oscillation takes it in one sample.
        sound = music.synthesize([[0, 1, 60], [1, 1, 64]], tempo=120)
        assert abs(sound[0]) < 1e-3
        assert abs(sound[-1]) < 1e-3
        edge = round(0.5 * 22050)
        assert np.abs(np.diff(sound[edge - 20 : edge + 20])).max() < 0.05

    def test_harmonics_above_half_the_rate_are_left_out(self):
        sound = music.synthesize([[0, 4, 96]], tempo=120, sample_rate=4400)
        spectrum = np.abs(np.fft.rfft(sound))
        frequencies = np.fft.rfftfreq(len(sound), 1 / 4400)
        fundamental = 440 * 2 ** (27 / 12)
        aside = np.abs(frequencies - fundamental) > 60
        assert spectrum[aside].max() < 0.1 * spectrum.max()

    def test_silence(self):
        assert not music.synthesize([]).any()
        assert len(music.synthesize(np.zeros((0, 3)))) == 2205

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"notes": [[0, 1]]}, r"shape \(n, 3\)"),
            ({"notes": [[0, np.nan, 60]]}, "finite"),
            ({"notes": [[-1, 1, 60]]}, "start at 0 or later"),
            ({"notes": [[0, 0, 60]]}, "start at 0 or later and last"),
            ({"notes": [[0, 9999, 60]]}, "more than 600"),
            ({"notes": [[0, 1, 60]], "tempo": 0}, "tempo"),
            ({"notes": [[0, 1, 60]], "sample_rate": 0}, "sample_rate"),
        ],
    )
    def test_errors(self, options, message):
        with pytest.raises(ValueError, match=message):
            music.synthesize(**options)

    def test_wav(self, tmp_path):
        sound = np.float32([0, 0.5, -1, 1])
        with wave.open(io.BytesIO(music.wav_bytes(sound, 8000))) as file:
            assert file.getparams()[:4] == (1, 2, 8000, 4)
            samples = np.frombuffer(file.readframes(4), "<i2")
        assert samples.tolist() == [0, 16384, -32767, 32767]
        music.save_wav(tmp_path / "a.wav", sound, 8000)
        assert (tmp_path / "a.wav").read_bytes() == music.wav_bytes(sound, 8000)

    @pytest.mark.parametrize(
        ("sound", "message"),
        [(np.zeros((2, 2)), "shape"), ([0, 1.5], "divide"), ([np.nan], "divide")],
    )
    def test_what_is_no_sound(self, sound, message, tmp_path):
        with pytest.raises(ValueError, match=message):
            music.save_wav(tmp_path / "a.wav", sound)
        assert not list(tmp_path.iterdir())


class TestPlayer:
    def test_it_is_one_element_with_a_name_and_its_sound(self):
        player = music.play(TUNE, label='A "jig"')
        assert player._repr_html_() == player
        assert player.startswith("<audio controls")
        assert 'aria-label="A &quot;jig&quot;"' in player
        assert 'src="data:audio/wav;base64,UklGR' in player
        assert "http" not in player
        assert repr(player).startswith("<Html of ")

    def test_a_long_tune_is_faded_out(self):
        long = HEAD + "ABcd|" * 100
        assert len(music.play(long)) < 360_000
        assert len(music.play(long, seconds=1)) < 31_000
        assert len(music.play(HEAD + "z4|")) < 5_000
        for options in ({"tempo": 0}, {"seconds": -1}):
            with pytest.raises(ValueError, match=next(iter(options))):
                music.play(long, **options)
